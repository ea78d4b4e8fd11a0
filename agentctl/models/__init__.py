"""Models: any provider, the offline stand-in and scripted replies, behind one small protocol."""

from agentctl.models.attachment import blocks_of, check_attachments, fenced
from agentctl.models.call import ModelClient, ModelConfig, ModelReply, ModelRequest, OnToken, Retry
from agentctl.models.message import Block, Content, Message, text_of
from agentctl.models.pool import LoadPython, Models
from agentctl.models.providers import PROVIDERS, check_key, resolve_auto

__all__ = [
    "PROVIDERS",
    "Block",
    "Content",
    "LoadPython",
    "Message",
    "ModelClient",
    "ModelConfig",
    "ModelReply",
    "ModelRequest",
    "Models",
    "OnToken",
    "Retry",
    "blocks_of",
    "check_attachments",
    "check_key",
    "fenced",
    "resolve_auto",
    "text_of",
]
