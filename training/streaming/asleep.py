"""A session at rest: what it is made of, without a memory of its own.

A branch that nobody walks on takes little room: the chunks' latents and copies of the memory are
shared with the session that it left. `awake` makes a session of it, bit for bit the one that fell
asleep, as often as one likes.

Public: `Asleep`.
"""

from typing import TYPE_CHECKING

from training.streaming.ranks import together

if TYPE_CHECKING:
    from training.streaming.session import WorldSession


class Asleep:
    """Made by `WorldSession.asleep`."""

    def __init__(self, session: "WorldSession") -> None:
        """Keep where a session stands; it may go on."""
        self.player, self.caption, self.watch = session.player, session.caption, session.watch
        self._image_latent = session.image_latent
        self._history = session.history.copy()
        self._walked = list(session.walked)
        ranks = self.player.ranks
        self.number = 0 if ranks is None else ranks.enrol(self)

    @property
    def chunk_index(self) -> int:
        """The chunk that comes next."""
        return self._history.end

    @together
    def awake(self) -> "WorldSession":
        """Make a session that goes on from here."""
        from training.streaming.session import WorldSession

        history = self._history.copy()
        session = WorldSession(
            self.player, self._image_latent, history, history.anchors[0], watch=self.watch
        )
        session.walked = list(self._walked)
        session.go_to(self.chunk_index)
        session.caption = self.caption
        return session
