# All tools, with object stores and Dask: docs/containers.md describes how to use the image.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ARG EXTRAS=s3,gs,az,dask
COPY packages /src
RUN python -m venv /opt/imagine && \
    /opt/imagine/bin/pip install --no-cache-dir "/src/imagine-common[$EXTRAS]" \
        /src/imagine-gen /src/imagine-tfrecord /src/imagine-recordio

FROM python:${PYTHON}-slim
COPY --from=build /opt/imagine /opt/imagine
ENV PATH=/opt/imagine/bin:$PATH
WORKDIR /data
CMD ["imagine-gen", "--help"]
