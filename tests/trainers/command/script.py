"""A script that trains nothing: a loss that falls to a floor, written in any format, and wrong in any way that it is told."""

import argparse
import json
import math
import os
import sys
import time
import zlib
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--until", type=int)
parser.add_argument("--out")
parser.add_argument("--wrong", default="")
parser.add_argument("--every", type=int, default=5)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
state, wrong = os.path.join(args.out, "step.txt"), args.wrong
if len(list(Path(args.out).parents[1].glob("*/*/trial.json"))) == int(os.environ.get("WRONG_IN", "0")):
    wrong = os.environ["WRONG"]
step = int(Path(state).read_text()) if os.path.exists(state) and wrong != "forgets" else 0
step += 12 * (wrong == "other checkpoint" and step > 0)
step -= 3 * (wrong == "repeats" and step > 0)
until = args.until * (2 if wrong == "goes on" else 1)
if wrong == "nothing":
    sys.exit()
if wrong == "prints":
    print("x" * 3_000_000)
noise = zlib.crc32(Path(*Path(args.out).parts[-3:-1]).as_posix().encode()) % 1000 * 1e-6  # of the run, not of the clock
with open(os.path.join(args.out, "log.jsonl"), "w" if wrong == "anew" else "a") as log:
    while step < until:
        step += 1
        loss = 2 + 4 * 0.9**step + args.seed % 1000 * 1e-4 + (wrong == "differs") * noise
        if wrong == "nan" and step >= 12:
            loss = math.nan
        row = {"step": step, "lr": args.lr, "grad_norm": 0.5}
        if step % args.every == 0 or step == until:
            row["val"] = str(loss) if wrong == "text" else loss
            print(f"step {step}: val loss {loss:.6f}")
        if wrong == "evals":
            row["step"] = step // args.every
        log.write(json.dumps(row) + "\n")
        log.flush()
        if wrong == "exits" and step == 12:
            print("first line\nno such GPU", file=sys.stderr)
            sys.exit(3)
        if wrong == "hangs" and step == 12:
            time.sleep(600)
        if wrong == "half" and step == 11:
            log.write('{"step": 11, "va')
            log.flush()
        if wrong == "slow":
            time.sleep(0.1)
    if wrong == "half":
        log.write('\n{"step": 1')
with open(state, "w") as file:
    file.write(str(step))
