#!/bin/bash
#SBATCH --array=0-63 --cpus-per-task=16
# Images, then TFRecord files of them, made by two job arrays on a file system that all nodes share:
#   images=$(sbatch --parsable examples/slurm.sh images)
#   sbatch --dependency="afterok:$images" examples/slurm.sh records
set -euo pipefail

shared=${SHARED:-/shared} # with a virtual environment in venv/
count=${COUNT:-10000000}
parts=${PARTS:-64} # the size of the array, also when only some of its tasks run again
part="$SLURM_ARRAY_TASK_ID/$parts"
PATH="$shared/venv/bin:$PATH"

case ${1-} in
images) # Each task writes its own part of the list.
    imagine-gen --path "$shared/images" --count "$count" --files-per-dir 10000 --resume \
        --part "$part" >"$shared/list-of-$parts.$(printf %04d "$SLURM_ARRAY_TASK_ID")"
    ;;
records) # Each task reads all parts of the list.
    cat "$shared/list-of-$parts".* |
        imagine-tfrecord --dest-path "$shared/records" --resume --part "$part" --expect "$count" \
            --img-per-file "${IMG_PER_FILE:-1000}"
    ;;
*)
    echo "usage: $0 images|records" >&2
    exit 2
    ;;
esac
