"""The parts of `agentctl chat`.

`conversation` opens one and picks how it is led: `terminal`, with `prompt`, for a person, or
`pipe`. Both drive a `Chat`, which knows where it is, and obey the table in `command`.
"""
