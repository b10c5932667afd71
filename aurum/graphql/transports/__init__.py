"""How answers get out where there are many of them: WebSocket, Server-Sent Events, multipart."""
