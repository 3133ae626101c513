"""The warehouse: the facts as columns, in immutable snapshots. The only place that opens the analytical engine.

files        where snapshots lie, how one appears whole or not at all, and who may build
sources      which rows are copied, and which of them have changed
extraction   rows of the database as Arrow streams
tables       what a snapshot holds
building     the first snapshot, and the next one from the last
readers      open snapshots, shared by the threads of a process
exporting    a snapshot as Parquet files
engines      engines elsewhere that read those files
"""
