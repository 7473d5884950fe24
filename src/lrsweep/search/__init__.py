"""How a study searches, as pure functions of its records: proposing, stopping, planning, metrics, racing, replaying."""
