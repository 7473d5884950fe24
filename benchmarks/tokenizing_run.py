"""One run of the benchmark of tokenizing, in a process of its own: its peak memory is that of one contender."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lrsweep.config import checking

END = "<|endoftext|>"
AT_A_TIME = 1000  # documents; what `datasets` gives a tokenizer unless told otherwise


class Ours:
    """The stage `tokenize`."""

    def learn(self, text: Path, vocab_size: int) -> None:
        from lrsweep.text import tokens

        self.tokenizer = tokens.train_tokenizer(text, vocab_size)

    def encode(self, text: Path, target: Path) -> None:
        from lrsweep.text import tokens

        tokens.encode_file(self.tokenizer, text, target)


class Plainly:
    """The library as its documentation uses it."""

    def learn(self, text: Path, vocab_size: int) -> None:
        from tokenizers import ByteLevelBPETokenizer

        self.tokenizer = ByteLevelBPETokenizer()
        self.tokenizer.train_from_iterator(documents(text), vocab_size, special_tokens=[END], show_progress=False)

    def encode(self, text: Path, target: Path) -> None:
        end = self.tokenizer.token_to_id(END)
        batch: list[str] = []
        with target.open("wb") as file:

            def flush() -> None:
                for encoding in self.tokenizer.encode_batch(batch):
                    file.write(np.array([*encoding.ids, end], dtype=np.uint16).tobytes())
                batch.clear()

            for document in documents(text):
                batch.append(document)
                if len(batch) == AT_A_TIME:
                    flush()
            flush()


def documents(text: Path) -> Iterator[str]:
    """Line by line, without holding the text."""
    lines: list[str] = []
    with text.open(encoding="utf-8") as file:
        for line in file:
            if line.rstrip("\n") == END:
                yield "".join(lines).strip()
                lines = []
            else:
                lines.append(line)


def peak_memory() -> float:
    """Of this process, in MB. Not by getrusage, whose number begins with that of the process that started this one."""
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in status if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024 / 1e6


def main() -> None:
    who: Ours | Plainly = Ours() if sys.argv[1] == "ours" else Plainly()
    text = Path(sys.argv[2])
    megabytes, target = text.stat().st_size / 1e6, text.with_suffix(".bin")
    vocab_size = checking.load(Path("params.yaml")).tokenize.vocab_size
    times = [time.perf_counter()]
    who.learn(text, vocab_size)
    times.append(time.perf_counter())
    who.encode(text, target)
    times.append(time.perf_counter())
    found = {
        "learn": megabytes / (times[1] - times[0]),
        "encode": megabytes / (times[2] - times[1]),
        "total": megabytes / (times[2] - times[0]),
        "memory": peak_memory(),
        "size": target.stat().st_size,
    }
    target.unlink()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
