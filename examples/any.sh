#!/bin/sh
# A shell script around any program: awk stands for one that takes a Hydra-style override and prints its losses.
#
# lrsweep init --read any.sh --curve 'pattern=step=(?P<step>\d+) val_loss=(?P<loss>\S+)'
#   --command 'sh any.sh lr={lr} optim.wd={weight_decay} until={until} seed={seed} dir={dir}' --space weight_decay=1e-3:1e-1:log
set -eu
for word in "$@"; do
    case $word in
        lr=*) lr=${word#*=} ;;
        optim.wd=*) wd=${word#*=} ;;
        until=*) until=${word#*=} ;;
        seed=*) seed=${word#*=} ;;
        dir=*) dir=${word#*=} ;;
    esac
done
done_steps=0
if [ -e "$dir/steps" ]; then done_steps=$(cat "$dir/steps"); fi
awk -v lr="$lr" -v wd="$wd" -v from="$done_steps" -v until="$until" -v seed="$seed" 'BEGIN {
    far = log(lr / 0.01) / log(10); heavy = log(wd / 0.01) / log(10)
    for (step = from + 1; step <= until; step++)
        if (step % 10 == 0 || step == until) {
            loss = 2 + 0.3 * far * far + 0.05 * heavy * heavy + 4 / (1 + step / 10) + 0.01 * sin(seed % 1000 + step)
            printf "step=%d val_loss=%.6f\n", step, loss
        }
}'
echo "$until" > "$dir/steps"
