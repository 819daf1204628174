"""Run a function in a forked process, which can be killed in the middle of it."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import traceback
from collections.abc import Callable

from storm.events import Kill
from storm.process import Watch


def in_a_child(act: Callable[[], object], kill: Kill | None = None) -> int | None:
    """Run a function in a forked process; return its number of file and network events, or None if it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        gc.disable()
        code = 70
        try:
            watch = Watch(kill or Kill(at_event=1 << 30), None)
            watch.begin()
            act()
            watch.end()
            os.write(writer, pickle.dumps(watch.count))
            code = 0
        except BaseException:  # noqa: BLE001 (whoever waits sees the code)
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    assert os.WEXITSTATUS(status) == 0, "it failed by itself"
    return int(pickle.loads(said))
