"""A page on which reviewers watch, compare and judge the clips of a workspace."""
