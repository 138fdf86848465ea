"""Changes a library as a person does: `python -m … FOLDER SHARED OWN NAME COUNT [MUTANT]`.

Prints the number of each change when it is safe; counts plays of the song SHARED, writes remarks
into the song OWN, and makes set lists.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from karaoke_studio.library.writer import LibraryWriter
from tests.faults.mutants import MUTANTS

#: Every so many changes there is a remark, and a set list.
REMARK_EVERY, LIST_EVERY = 3, 10


def main() -> None:
    """Change until killed, or as often as asked."""
    folder, shared, own, name, count = sys.argv[1:6]
    for mutant in sys.argv[6:]:
        MUTANTS[mutant]()
    library = LibraryWriter(Path(folder))
    for number in range(int(count)) if int(count) else itertools.count():
        if number % LIST_EVERY == 0:
            library.create_playlist(f"{name} {number}", [own]).result()
        elif number % REMARK_EVERY == 0:
            library.change_song(own, remark=str(number)).result()
        else:
            library.count_play(shared).result()
        print(number, flush=True)
    library.close()


if __name__ == "__main__":
    main()
