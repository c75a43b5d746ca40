"""An ordered map over workers: processes of this machine, or a Dask cluster.

May import `exchange`, `files`, `host`, `errors` and `text`.
"""
