"""Runs an agent that is killed after its first step, again and again, until nothing is left to do.

The agent says each step before it takes it, on a pipe that holds one message: once the first step
is in there unread, the agent can take that step, but say no second one. So it is killed after the
step, or within it if the machine is slow, and never later.

usage: halfway.py AGENT'S COMMAND LINE; prints the steps
"""

import ctypes
import fcntl
import os
import select
import subprocess
import sys
import tempfile
import time

SET_SIZE = 1031  # F_SETPIPE_SZ
STEP = b"perouter::agent::execute"
TAKEN = 0.25  # seconds that a step has
QUIET = 1.0  # seconds without a word, after which is asked whether all is done
MOST = 100  # steps; no change takes so many

tee = ctypes.CDLL(None, use_errno=True).tee
log = open("/var/log/perouter/agent.log", "ab", buffering=0)


def peek(told):
    """What the pipe holds, which stays in it."""
    ours, copy = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    if tee(told, copy, 65536, 0) < 0:
        raise OSError(ctypes.get_errno(), "tee")
    message = os.read(ours, 65536)
    os.close(ours)
    os.close(copy)
    return message


def settled(told):
    """Whether the agent answers, which it does between passes alone."""
    with tempfile.TemporaryFile() as answer:
        asked = subprocess.Popen(
            ["perouter", "verify", "-o", "json"], stdout=answer, stderr=subprocess.DEVNULL
        )
        while asked.poll() is None:
            if select.select([told], [], [], 0.05)[0]:
                if STEP in peek(told):
                    asked.kill()
                    asked.wait()
                    return False
                log.write(os.read(told, 65536))
        # Nothing is printed as long as no agent listens.
        return answer.tell() > 0


def one_step(command):
    """Runs the agent until it took a step: that step, or nothing if there was none to take."""
    told, tell = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    fcntl.fcntl(told, SET_SIZE, 4096)
    agent = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=tell, stderr=tell)
    os.close(tell)
    try:
        while True:
            if not select.select([told], [], [], QUIET)[0]:
                if settled(told):
                    return None
                continue
            message = peek(told)
            if STEP in message:
                time.sleep(TAKEN)
                return message.decode(errors="replace").split(STEP.decode(), 1)[1]
            os.read(told, 65536)
            log.write(message)
            if not message:
                raise SystemExit("the agent ended by itself")
    finally:
        agent.kill()
        agent.wait()
        os.close(told)


for _ in range(MOST):
    step = one_step(sys.argv[1:])
    if step is None:
        break
    print(step.replace("\n", " ").strip(), flush=True)
else:
    raise SystemExit("the agent takes steps without end")
