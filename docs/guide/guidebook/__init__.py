"""What makes the guide out of its chapters: draws their pictures, runs their code, writes what it prints, and the notebook.

`make docs` runs it. One module for each kind of picture; `chapters` reads and runs the code, `notebook` writes the notebook.
"""
