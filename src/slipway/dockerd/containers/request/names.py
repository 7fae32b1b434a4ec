"""Names for containers that were given none: an adjective and somebody who knew ships. Our own lists."""

import secrets
from collections.abc import Callable, Sequence
from typing import Final

_ADJECTIVES: Final = """
able agile amber ample ancient artful balmy bold brave breezy bright brisk calm candid capable careful cheerful
clear clever coastal cordial crisp curious daring deft dutiful eager early earnest easy electric epic exact
fabled fair faithful fearless festive fine fleet fluent fond frank free fresh friendly frosty gallant gentle
gifted glad golden good graceful grand great handy happy hardy hearty helpful honest hopeful humble ideal jolly
jovial keen kind lasting level light lively loyal lucid lucky lunar mellow merry mighty mild modest neat nimble
noble northern open orderly patient placid plucky polished prime proud prudent pure quick quiet rapid ready
regal robust rosy sage salty serene sharp silent silver sincere smart smooth snug solar solid sound southern
spry stable starry steady stellar sturdy sunny sure swift tender thrifty tidal tidy timely tireless tranquil
true trusty upbeat valiant vast vigilant vivid warm wavy western wise witty worthy zealous
"""
_SURNAMES: Final = """
amundsen anning aubry baret barents bering bligh bly bougainville bowditch brunel cabot caboto cabral cartier
champlain chichester columbus cook cousteau crowhurst darwin dias drake earhart earle elcano ericson fitzroy
flinders franklin frobisher fuchs gama gunther halley hanno harrison hawkins henson heyerdahl hudson humboldt
jansz jones knox laperouse lind lister macarthur magellan malaspina maury mawson mercator moitessier nansen
necho nelson niebuhr nordenskiold ohthere parry peary piccard plimsoll polo ponce pytheas quiros raleigh
rickmers ross scott scylax shackleton slocum sopwith steller tasman tereshkova thesiger torres vancouver
vespucci wallis weddell wegener wilkes worsley zhenghe zheng
"""
ADJECTIVES: Final = tuple(_ADJECTIVES.split())
SURNAMES: Final = tuple(_SURNAMES.split())


def random_name(is_free: Callable[[str], bool], choose: Callable[[Sequence[str]], str] = secrets.choice) -> str:
    """`calm_nansen`; with a digit behind it once a few were taken."""
    name = ""
    for attempt in range(10):
        name = f"{choose(ADJECTIVES)}_{choose(SURNAMES)}" + (secrets.choice("0123456789") if attempt > 5 else "")
        if is_free(name):
            return name
    return f"{name}_{secrets.token_hex(4)}"
