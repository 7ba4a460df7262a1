"""The protocol's edges, where pygls alone would be silent, slow or indiscreet.

Every request gets exactly one answer: malformed, unknown, too early and too late ones too.
Errors carry one sentence and no traceback, and the log one line: what the client got wrong is
a warning, what cannot be met now is no more than information. Opened, changed and closed
documents go to our own session, and pygls' text documents are never built (they split lines
where the protocol does not). Nothing here knows the engine.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from concurrent.futures import Future
from typing import Any, Protocol

from cattrs import Converter, transform_error
from lsprotocol import types
from pygls.exceptions import (
    JsonRpcContentModified,
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import (
    JsonRPCRequestMessage,
    LanguageServerProtocol,
    default_converter,
    lsp_method,
)
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCResponseMessage

logger = logging.getLogger(__name__)

GENERATE = "lstmLsp/generate"
SURPRISE = "lstmLsp/surprise"
STATUS = "lstmLsp/status"


class Texts(Protocol):
    """Who keeps the open documents."""

    def did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Keep a document."""

    def did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Edit a document."""

    def did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a document."""

    def lose(self, uri: str, reason: str) -> None:
        """Take a document's text for lost: a change to it could not be read."""


def converter() -> Converter:
    """Return pygls' converter of messages, strict about strings and whole numbers.

    Alone it would put `str(value)` or `int(value)`: a document whose text is null would read
    "None", and an edit at character 0.5 be made at 0.
    """
    strict: Converter = default_converter()  # type: ignore[no-untyped-call]
    strict.register_structure_hook(str, _string)
    strict.register_structure_hook(int, _integer)
    # A flag stays what pygls takes for one: a careless capability is no reason to refuse a client.
    strict.register_structure_hook(bool, lambda value, _: bool(value))
    return strict


class OwnProtocol(LanguageServerProtocol):
    """pygls' protocol with the edges of this module."""

    texts: Texts  # set by who builds the server

    # -- documents -------------------------------------------------------------------

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Hand an opened document on."""
        self.texts.did_open(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Hand a changed document on."""
        self.texts.did_change(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Hand a closed document on."""
        self.texts.did_close(params)

    # -- messages in -----------------------------------------------------------------

    def structure_message(self, data: Any) -> Any:
        """Leave parsed JSON as it is: pygls calls this for every object in a message."""
        return data

    def handle_message(self, message: Any) -> None:
        """Handle one parsed message, or answer why not."""
        try:
            structured = self._structured(message)
        except JsonRpcException as error:
            identifier = message.get("id") if isinstance(message, dict) else None
            if not isinstance(message, dict) or ("id" in message and "method" in message):
                self._send_response(_plain_id(identifier), error=error.to_response_error())
            logger.warning("a message that cannot be read: %s", error)
            if (uri := _changed_document(message)) is not None:
                self.texts.lose(uri, str(error))
            return
        super().handle_message(structured)

    def _structured(self, message: Any) -> Any:
        """Return `message` as the object that pygls handles. Raises JsonRpcException."""
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            raise JsonRpcInvalidRequest("not a JSON-RPC 2.0 message")
        method = message.get("method")
        if "method" not in message:
            return self._response(message)
        if not isinstance(method, str):
            raise JsonRpcInvalidRequest("the method is not a string")
        if "id" in message:
            if _plain_id(message["id"]) is None:
                raise JsonRpcInvalidRequest("the id is neither a string nor a whole number")
            self._check_life(method)
        elif self._workspace is None and method not in (types.EXIT, types.CANCEL_REQUEST):
            raise JsonRpcServerNotInitialized(f"{method} before initialize")
        if self.get_message_type(method) is None:
            params = message.get("params")
            if "id" in message:
                return JsonRPCRequestMessage(message["id"], method, self.VERSION, params)
            return JsonRPCNotification(method, self.VERSION, params)
        try:
            return self._converter.structure(message, self.get_message_type(method))  # type: ignore[arg-type]
        except Exception as error:
            raise JsonRpcInvalidParams(f"{method}: {_first_fault(error)}") from None

    def _response(self, message: dict[str, Any]) -> Any:
        """Return an answer to a request of ours. Raises JsonRpcException."""
        identifier = _plain_id(message.get("id"))
        if identifier is None:
            raise JsonRpcInvalidRequest("neither a request nor an answer to one")
        expected = self._result_types.pop(identifier, None) or JsonRPCResponseMessage
        try:
            return self._converter.structure(
                message, types.ResponseErrorMessage if "error" in message else expected
            )
        except Exception as error:
            raise JsonRpcInvalidRequest(f"an answer: {_first_fault(error)}") from None

    def _check_life(self, method: str) -> None:
        """Raise JsonRpcException for a request that comes too early or too late."""
        if self._shutdown:
            raise JsonRpcInvalidRequest(f"{method} after shutdown")
        if method == types.INITIALIZE:
            if self._workspace is not None:
                raise JsonRpcInvalidRequest("initialize for the second time")
        elif self._workspace is None:
            raise JsonRpcServerNotInitialized(f"{method} before initialize")

    def _execute_handler(
        self, msg_id: Any, handler: Any, callback: Any, args: Any = None, kwargs: Any = None
    ) -> None:
        """Call `handler` now, and go on with the coroutine if it returns one.

        So a handler sees the documents as they are when its message is read, over every
        transport, and what it leaves to its coroutine can be cancelled.
        """
        if inspect.isgeneratorfunction(handler):
            super()._execute_handler(msg_id, handler, callback, args, kwargs)
            return
        future: Any = Future()
        try:
            result = handler(*(args or ()), **(kwargs or {}))
        except Exception as error:
            future.set_exception(error)
        else:
            if inspect.iscoroutine(result):
                future = asyncio.ensure_future(result)
                self._request_futures[msg_id] = future
            else:
                future.set_result(result)
        future.add_done_callback(callback)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    def lsp_workspace__execute_command(self, params: types.ExecuteCommandParams) -> Any:
        """Run a command with its arguments as they came; cancelled, its coroutine is, too."""
        if (handler := self.fm.commands.get(params.command)) is None:
            raise JsonRpcInvalidParams(f"there is no command {params.command}")
        return handler(*(params.arguments or ()))

    def _handle_cancel_notification(self, msg_id: Any) -> None:
        """Cancel a request; one that is answered already is nothing to warn of."""
        if _plain_id(msg_id) in self._request_futures:
            super()._handle_cancel_notification(msg_id)
        else:
            logger.debug("cancelled after its answer: %s", msg_id)

    # -- messages out ----------------------------------------------------------------

    def _send_handler_result(self, future: Any, *, msg_id: Any) -> None:
        """Answer a request with what its handler gave; pygls logs refusals as its own faults."""
        error = None if future.cancelled() else future.exception()
        if not isinstance(error, JsonRpcException):
            super()._send_handler_result(future, msg_id=msg_id)
            return
        self._request_futures.pop(msg_id, None)
        wrong = isinstance(error, JsonRpcInvalidParams | JsonRpcInvalidRequest)
        logger.log(logging.WARNING if wrong else logging.INFO, "refused: %s", error.message)
        self._send_response(msg_id, error=error.to_response_error())

    def _send_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        """Answer; an error says what went wrong and nothing of the server's insides."""
        if error is not None:
            error = types.ResponseError(code=error.code, message=error.message)
            if msg_id is None:  # the converter would leave it out
                answer = {"code": error.code, "message": error.message}
                self._send_data({"jsonrpc": self.VERSION, "id": None, "error": answer})
                return
        super()._send_response(msg_id, result, error)


def parse_error(protocol: OwnProtocol, reason: str) -> None:
    """Answer what is no message, as JSON-RPC asks (id null), and say so in the log."""
    answer = types.ResponseError(code=-32700, message=f"Parse Error: {reason}")
    protocol._send_response(None, error=answer)
    logger.warning("what is no message: %s", reason)


def content_modified(reason: str) -> JsonRpcContentModified:
    """Return the answer to a request whose text has changed since."""
    return JsonRpcContentModified(reason)


def refused(reason: str) -> JsonRpcException:
    """Return the answer to a request that is right in form and cannot be met."""
    return JsonRpcException(reason, code=types.LSPErrorCodes.RequestFailed)


def _plain_id(value: Any) -> str | int | None:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return None


def _string(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, found {type(value).__name__}")
    return value


def _integer(value: Any, _: Any) -> int:
    if isinstance(value, float) and value.is_integer():  # JSON knows one kind of number
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected a whole number, found {value!r:.40}")
    return value


def _changed_document(message: Any) -> str | None:
    """Return the URI of the document that `message`, of any form, says has changed, or None."""
    try:
        if message["method"] == types.TEXT_DOCUMENT_DID_CHANGE:
            uri = message["params"]["textDocument"]["uri"]
            return uri if isinstance(uri, str) else None
    except (KeyError, TypeError, IndexError):
        pass
    return None


def _first_fault(error: BaseException) -> str:
    """Return what a cattrs error says first, in one line."""
    try:
        return transform_error(error)[0].replace("\n", " ")
    except Exception:
        return " ".join(str(error).split()) or type(error).__name__
