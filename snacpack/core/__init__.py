"""The ground of everything else: files, seeds, versions, places, compiled code and plugins."""
