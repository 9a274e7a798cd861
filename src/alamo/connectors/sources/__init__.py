"""Sources: files and tables that rows come from, read as a stream of Arrow batches that know their row numbers.

Not here: what a column means, which rows are good, and any write; `alamo.measurement` judges the rows.
"""

from alamo.connectors.sources.opening import open_rows
from alamo.connectors.sources.parquet import parquet_files
from alamo.connectors.sources.stream import BadRow, Rows, RowStream
from alamo.connectors.sources.tables import read_table
from alamo.connectors.sources.text_columns import TextColumns
from alamo.connectors.sources.whitespace import Layout

__all__ = ["BadRow", "Layout", "RowStream", "Rows", "TextColumns", "open_rows", "parquet_files", "read_table"]
