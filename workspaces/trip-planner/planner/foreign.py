"""Tells a task that is not in English: half of it would be read, and the wrong half."""

_TIME = {
    *("tag", "tage", "tagen", "woche", "wochen", "nacht", "nachte", "monat", "wochenende"),
    *("jour", "jours", "semaine", "semaines", "nuits", "mois", "dia", "dias", "noches", "semana", "semanas"),
    *("giorno", "giorni", "settimana", "settimane", "notti", "noites", "dagen", "weken", "dage", "dagar", "dni"),
}
_SMALL = {
    *("im", "von", "nach", "und", "fur", "mit", "ohne", "ein", "eine", "einen", "der", "das", "ich", "wir", "mochte"),
    *("zwei", "drei", "funf", "zu", "ab", "bei", "oder", "wandern", "essen", "reise", "urlaub", "strand"),
    *("le", "les", "un", "une", "des", "du", "pour", "avec", "sans", "et", "ou", "je", "nous", "depuis", "deux"),
    *("en", "el", "los", "las", "una", "uno", "y", "con", "sin", "para", "desde", "de", "dos", "playa", "viaje"),
    *("il", "gli", "di", "da", "per", "e", "senza", "mare", "viaggio", "em", "com", "sem", "van", "naar", "voor"),
    *("januar", "februar", "marz", "mai", "juni", "juli", "oktober", "dezember", "janvier", "fevrier", "avril"),
    *("juin", "juillet", "aout", "septembre", "octobre", "novembre", "decembre", "enero", "mayo", "junio", "julio"),
    *("agosto", "septiembre", "octubre", "ottobre", "settembre", "maggio", "giugno", "luglio", "gennaio"),
}
_ENGLISH = {
    *("the", "of", "and", "in", "for", "with", "to", "from", "on", "a", "an", "my", "our", "we", "i", "or", "not"),
    *("day", "days", "week", "weeks", "night", "nights", "weekend", "trip", "want", "would", "like", "month", "under"),
}


def is_foreign(words: list[str]) -> bool:
    """Whether `words` (lower case, without accents) are of another language than English."""
    times = sum(word in _TIME for word in words)
    foreign = times + sum(word in _SMALL for word in words)
    english = sum(word in _ENGLISH for word in words)
    return (times > 0 or foreign > 1) and foreign > english - (times > 0)
