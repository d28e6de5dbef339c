"""The servers that bench/sockets.py compares, and the clients that they all serve.

Each is started with a port and takes orders over HTTP at `/order/<name>?<numbers>`:
`push` hands one frame after the other to every user, `pace` does so slowly, `update` books
as fast as it can and notifies, `shake` sends from eight threads at once, `state` says what
the process needs.
"""
