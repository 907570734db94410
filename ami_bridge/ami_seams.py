"""Messages that a caller's text has torn apart, or made up.

AMI has neither lengths nor escapes: what stands in a value is a line end if it looks like one. Of a
caller's number and of the extension they dialled, chan_pjsip turns `%0d%0a` into just that (seen
with 22.10.1; main/manager_channels.c escapes names alone), up to 79 bytes each. So a number can end
its own event early and begin another one, by which somebody else's call would be over.

Asterisk leaves such events out where its manager.conf is ours (`eventfilter`), and our dialplan
takes such numbers away. What comes here all the same, from elsewhere in the dialplan or in the
answer to a question, is told by its shape: whatever else a number says, it has no room for all that
an event of a channel consists of.
"""

from __future__ import annotations

_EVENT, _RESPONSE = b"Event: ", b"Response: "
_PRIVILEGE, _ACTION_ID = b"Privilege: ", b"\r\nActionID: "
_NUMBER = b"\r\nCallerIDNum: "
#: What stands before a number in every event of a channel, and what follows it, in this order.
_BEFORE_IT, _AFTER_IT, _LAST = b"\r\nChannelStateDesc: ", b"\r\nUniqueid: ", b"\r\nLinkedid: "
#: A row of QueueStatus has another order (apps/app_queue.c): this comes after it.
_QUEUE_ROW, _AFTER_IT_THERE = b"Event: QueueEntry\r\n", b"\r\nWait: "
#: More messages than that no number can hold.
_MOST = 4


class Seams:
    """Looks at messages in the order in which they come."""

    def __init__(self) -> None:
        self._doubted = 0

    def is_torn(self, block: bytes) -> bool:
        """Whether it ends in a number. What follows up to the rest of it is doubted then."""
        number = block.find(_NUMBER)
        if number < 0:
            return False
        last = block.find(_LAST, number)
        if last > 0 and block.rfind(_AFTER_IT, number, last) > 0:
            return False
        if block.startswith(_QUEUE_ROW):
            torn = _AFTER_IT_THERE not in block
        else:
            torn = block.find(_BEFORE_IT, 0, number) > 0
        if torn:
            self._doubted = _MOST
        return torn

    def is_genuine(self, block: bytes) -> bool:
        """Whether an event that `names_its_readers` is one of Asterisk's own."""
        if self._doubted:
            self._doubted -= 1
            return False
        return not self.is_torn(block)

    def is_rest(self, block: bytes) -> bool:
        """Whether a message that does not is neither an event nor an answer, but the end of a torn
        one: with that the doubt is over."""
        if self.is_torn(block):
            return True
        if block.startswith(_RESPONSE) or (block.startswith(_EVENT) and _ACTION_ID in block):
            return False
        self._doubted = 0
        return True


def names_its_readers(block: bytes) -> bool:
    """Asterisk says of each event that answers no question first what it is, then who may read it
    (main/manager.c `__manager_event_sessions_va`)."""
    end = block.find(b"\r\n")
    return block.startswith(_EVENT) and end > 0 and block.startswith(_PRIVILEGE, end + 2)
