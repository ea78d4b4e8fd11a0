"""Models: any provider, the offline stand-in and scripted replies, behind one small protocol."""

from agentctl.models.call import Message, ModelClient, ModelConfig, ModelReply, ModelRequest, OnToken, Retry
from agentctl.models.pool import LoadPython, Models
from agentctl.models.providers import PROVIDERS, check_key, resolve_auto

__all__ = [
    "PROVIDERS",
    "LoadPython",
    "Message",
    "ModelClient",
    "ModelConfig",
    "ModelReply",
    "ModelRequest",
    "Models",
    "OnToken",
    "Retry",
    "check_key",
    "resolve_auto",
]
