import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from dataset.workspace import Workspace

THREADS_OF_A_READ = """
import os, sys
from dataset.workspace import Workspace
threads = lambda: len(os.listdir("/proc/self/task"))
before = threads()
Workspace(sys.argv[1]).read_table("table.parquet")
sys.exit(threads() != before)
"""


def test_a_table_is_read_without_threads_that_outlive_the_read(tmp_path):
    """One that lets go of our bytes while Python ends would abort the process."""
    table = pa.table({"number": list(range(9)), "word": ["a", "b", None] * 3})
    workspace = Workspace(tmp_path)
    workspace.write_table("table.parquet", table)
    assert workspace.read_table("table.parquet").equals(table)
    root = Path(__file__).parents[2]
    arguments = [sys.executable, "-c", THREADS_OF_A_READ, str(tmp_path)]
    assert subprocess.run(arguments, cwd=root, check=False).returncode == 0
