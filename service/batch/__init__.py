"""Scores files, folders, archives and tables of any size.

Data flows one way:
sources (what there is) -> chunks (pieces of work) -> records (texts) -> rows (answers) -> parts (on disk) -> outputs (one file).
"""
