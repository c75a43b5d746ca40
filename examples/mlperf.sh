#!/bin/bash
# MLPerf Storage's dataset for ResNet-50, where DLIO expects it: TFRecord files in DIR/train, and
# indexes for DALI in DIR/index/train.
#   examples/mlperf.sh DIR [OPTION ...]
# Further options are imagine-gen's, such as --direct or --seed 7.
set -euo pipefail

folder=${1:?folder for the dataset}
shift
files=${FILES:-1024}
per_file=${IMG_PER_FILE:-1251}
count=$((files * per_file))

imagine-gen --preset mlperf-storage-resnet50 --tar --count "$count" "$@" |
    imagine-tfrecord --preset mlperf-storage-resnet50 --tar --index --expect "$count" \
        --img-per-file "$per_file" --dest-path "$folder" |
    imagine-tfrecord --test --index-path "$folder/index/train" \
        --files "$files" --records "$count" --schema dlio
