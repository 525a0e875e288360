import { LineServer, type LineSession } from "./line_server.ts";
import { stuffed } from "./submit.ts";

/**
 * The mailbox server of a self-test's own: as much of RFC 1939 as an agent in front of it asks for, each mailbox with one message.
 * Every password is right.
 */
export class TestMailboxes extends LineServer {
  readonly #mail = new Map<string, Uint8Array>();

  constructor() {
    super("+OK self-test");
  }

  /** Puts a message into a mailbox, in the place of what is there. @param message With CRLF. */
  put(user: string, message: Uint8Array): void {
    this.#mail.set(user, message);
  }

  protected async answer(line: string, session: LineSession): Promise<boolean> {
    const [keyword = "", argument = ""] = line.split(" ");
    const message = this.#mail.get(session.user);
    const octets = message?.length ?? 0;
    switch (keyword.toUpperCase()) {
      case "USER":
        session.user = argument;
        await session.line("+OK");
        break;
      case "PASS":
      case "NOOP":
      case "RSET":
        await session.line("+OK");
        break;
      case "CAPA":
        await session.line("+OK\r\nUSER\r\nUIDL\r\n.");
        break;
      case "STAT":
        await session.line(`+OK ${message ? 1 : 0} ${octets}`);
        break;
      case "LIST":
        await session.line(
          argument === "" ? `+OK\r\n${message ? `1 ${octets}\r\n` : ""}.` : `+OK 1 ${octets}`,
        );
        break;
      case "RETR":
        if (!message) await session.line("-ERR no such message");
        else {
          await session.line("+OK");
          await session.say(stuffed(message)); // RFC 1939, section 3, as in SMTP
        }
        break;
      case "QUIT":
        await session.line("+OK");
        return true;
      default:
        await session.line("-ERR");
    }
    return false;
  }
}
