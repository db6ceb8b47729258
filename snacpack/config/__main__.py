"""Write the files of ``config/`` that follow from the definitions of the keys: ``python -m snacpack.config``."""

from pathlib import Path

from snacpack.config.documents import write_documents

write_documents(Path(__file__).parents[2] / "config")
