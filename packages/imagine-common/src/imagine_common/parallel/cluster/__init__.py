"""Work on a Dask cluster; imported only for `--scheduler`."""
