"""Other ways to tag a sentence: each trained on the same rows, each measured in a process of its own."""
