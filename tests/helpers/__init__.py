"""Helpers that several tests share; a test imports from here, never from another test."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
