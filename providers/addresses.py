"""Which addresses a store may be served from.

Stores of tenants name hosts as they like, and the process that asks them stands inside
the cluster's network: without a rule a store is a way to services that only machines of
that network are meant to reach. Neighbour: `http_sockets` connects to the very address
that was judged here, so that a name that resolves otherwise a moment later gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from providers.base import InvalidRef, Unavailable

__all__ = ["Address", "Network", "Reach", "resolve"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Where clouds tell machines who they are, and what is no address of one server. No rule
#: allows these. Source: the metadata services of AWS (IPv4, IPv6), Google (IPv6), Alibaba,
#: Oracle and Azure's host agent; RFC 6890 for the rest.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "169.254.0.0/16",
        "fe80::/10",
        "fd00:ec2::254/128",
        "fd20:ce::254/128",
        "100.100.100.200/32",
        "192.0.0.192/32",
        "168.63.129.16/32",
        "0.0.0.0/8",
        "::/128",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "ff00::/8",
    )
)
#: IPv6 that carries an IPv4 address in its last 32 bits (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Reach:
    """How far requests may go.

    Public addresses always; others only inside `networks`; link-local ones and the
    metadata services of clouds never.

    Args:
        networks: private ones that are allowed.
    """

    networks: tuple[Network, ...] = ()

    @classmethod
    def everywhere(cls) -> Reach:
        """Return the rule for hosts that are private as a rule, as API servers are."""
        return cls((ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")))

    @classmethod
    def parse(cls, text: str) -> Reach:
        """Return the rule that a list of networks or addresses, split by commas, allows.

        Raises:
            ValueError: a part of it is neither.
        """
        return cls(
            tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
        )

    def allows(self, address: Address) -> bool:
        """Return whether a request may be sent to this address."""
        return all(self._allows(one) for one in _meanings(address))

    def _allows(self, address: Address) -> bool:
        if any(address in network for network in _NEVER):
            return False
        return address.is_global or any(address in network for network in self.networks)


def resolve(host: str, port: int, reach: Reach) -> list[tuple[socket.AddressFamily, str]]:
    """Return the addresses of a host, all of them allowed.

    Args:
        host: a name or an address, in whatever spelling the system's resolver takes.
        port: only for the resolver.
        reach: the rule.

    Raises:
        InvalidRef: one of the addresses may not be reached; its text does not name it,
            so that it tells nobody how the inner network is numbered.
        Unavailable: the name does not resolve.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise Unavailable(
            "the host name does not resolve", remedy="check the host and the name service"
        )
    addresses: list[tuple[socket.AddressFamily, str]] = [
        (family, str(place[0])) for family, _, _, _, place in found
    ]
    if not all(reach.allows(_parsed(address)) for _, address in addresses):
        raise InvalidRef(
            "the host has an address that stores may not reach",
            remedy="use a public host, or have the operator allow its network",
        )
    return addresses


def _parsed(text: str) -> Address:
    # A scope ("%eth0") says on which link, and is no part of the address.
    return ipaddress.ip_address(text.partition("%")[0])


def _meanings(address: Address) -> Iterable[Address]:
    """Return the address, or the IPv4 address inside it: that is who gets the request."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.sixtofour is not None:
        return (address, address.sixtofour)
    if address.teredo is not None:
        return (address, *address.teredo)
    return (address,)
