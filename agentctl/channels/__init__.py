"""Channels: the pieces of run state, how parallel writes merge, and who may write them.

Import from the modules; `build` alone imports LangGraph.
"""
