"""What a call cost, by genai-prices."""

import asyncio
from collections.abc import Mapping

# genai-prices' own names where they are not LangChain's.
_PROVIDER_IDS = {
    "google_genai": "google",
    "google_vertexai": "google",
    "mistralai": "mistral",
    "xai": "x-ai",
    "azure_openai": "azure",
    "bedrock": "aws",
    "bedrock_converse": "aws",
}
_unpriced: set[tuple[str, str | None]] = set()
_FREE = frozenset({"ollama", "python"})


async def cost_of(name: str, base_url: str | None, usage: Mapping[str, int]) -> float | None:
    """US dollars for the tokens, or None where no price is known.

    A server at `base_url` is priced by that address, not by the model's name: the same
    name costs something else, or nothing, elsewhere.
    """
    if name.partition(":")[0] in _FREE or (name, base_url) in _unpriced or not any(usage.values()):
        return None
    # Importing the price list takes 0.2 s, once; not on the loop.
    cost = await asyncio.to_thread(_cost, name, base_url, usage)
    if cost is None:
        _unpriced.add((name, base_url))
    return cost


def _cost(name: str, base_url: str | None, usage: Mapping[str, int]) -> float | None:
    from genai_prices import Usage, calc_price

    provider, _, model = name.partition(":")
    tokens = Usage(input_tokens=usage.get("input_tokens"), output_tokens=usage.get("output_tokens"))
    try:
        if base_url is not None:
            found = calc_price(tokens, model, provider_api_url=base_url)
        else:
            found = calc_price(tokens, model, provider_id=_PROVIDER_IDS.get(provider, provider))
        return float(found.total_price)
    except LookupError:
        return None
