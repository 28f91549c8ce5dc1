"""The way into a runtime from another process: a socket that its own user, and root, may use.

`Runtime(control="/run/user/1000/app/control.sock")` opens it, and `dspex-actors modules list --control PATH`
talks to it. What crosses is data: a request out of a fixed set, and what answers it. Private to this project:
a program that has the `Runtime` uses that.
"""
