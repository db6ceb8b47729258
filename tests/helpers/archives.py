"""Archives, packed in memory."""

import io
import tarfile


def tar_gz(members):
    """Pack ``(TarInfo or name, bytes)`` pairs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for info, content in members:
            info = tarfile.TarInfo(info) if isinstance(info, str) else info
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
