"""TensorBoard's event files: what TensorFlow's own messages would hold is read, and a damaged file is named."""

import math
import struct

import pytest

from lrsweep.errors import UserError
from lrsweep.logs import tfevents
from tests.events import an_event, field, hparams_value, record, scalar, tensor


def test_the_checksum_is_crc_32c():
    """RFC 3720, B.4: 32 bytes of zeros have 0x8A9136AA; the digits have the well-known check value."""
    for data, crc in ((bytes(32), 0x8A9136AA), (b"123456789", 0xE3069283)):
        rotated = ((crc >> 15) | (crc << 17)) & 0xFFFFFFFF
        assert tfevents.masked_crc(data) == (rotated + 0xA282EAD8) & 0xFFFFFFFF


def test_scalars_of_both_forms_and_hyperparameters(tmp_path):
    path = tmp_path / "events.out.tfevents.1.host"
    other = field(1, b"image") + field(4, b"\x08\x01")
    events = [
        field(3, b"brain.Event:2"),
        an_event(7, scalar("loss", 2.5), scalar("lr", math.nan)),
        an_event(8, tensor("loss", 1.5), other),
        an_event(0, hparams_value({"lr": 0.01, "name": "a", "tied": True})),
    ]
    path.write_bytes(b"".join(map(record, events)) + record(bytes(tfevents.LARGEST_BYTES + 1)))
    first, second, third = tfevents.read(path)
    assert first.step == 7 and first.scalars["loss"] == 2.5 and math.isnan(first.scalars["lr"])
    assert second == tfevents.Event(8, {"loss": 1.5}, {})
    assert third.hparams == {"lr": 0.01, "name": "a", "tied": True}


@pytest.mark.parametrize(("form", "packed"), [("<f", 4), ("<d", 4), ("<f", 5), ("<d", 6)])
def test_a_tensor_of_one_number_in_each_form(tmp_path, form, packed):
    """add_scalar(new_style=True) of torch, and TensorFlow 2, which fills the list of floats or the content."""
    path = tmp_path / "events.out.tfevents.1.host"
    two = field(1, b"two") + field(8, field(1, 1) + field(4, struct.pack("<2f", 1, 2)))
    path.write_bytes(record(an_event(3, tensor("loss", 0.5, form, packed), two)))
    assert list(tfevents.read(path)) == [tfevents.Event(3, {"loss": 0.5}, {})]


def test_a_kill_costs_the_last_record_and_damage_is_named(tmp_path):
    whole = record(an_event(1, scalar("loss", 2.0))) + record(an_event(2, scalar("loss", 1.0)))
    path = tmp_path / "events.out.tfevents.1.host"
    for cut in (1, 5, 20):
        path.write_bytes(whole[:-cut])
        assert [event.step for event in tfevents.read(path)] == [1]
    path.write_bytes(whole[:14] + b"\xff" + whole[15:])
    with pytest.raises(UserError, match="damaged at byte 0: its checksum does not fit; copy it again"):
        list(tfevents.read(path))
    path.write_bytes(struct.pack("<QI", 3, 0) + b"abc")
    with pytest.raises(UserError, match="damaged at byte 0, expected a record"):
        list(tfevents.read(path))
    path.write_bytes(record(b"\x0f\x0f"))
    with pytest.raises(UserError, match="record 1: found what is no event"):
        list(tfevents.read(path))
