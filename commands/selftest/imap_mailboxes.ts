import { LineServer, type LineSession } from "./line_server.ts";

/**
 * The IMAP server of a self-test's own: as much of RFC 9051 as an agent in front of it asks for, each mailbox with one message.
 * Every password is right.
 */
export class TestImapMailboxes extends LineServer {
  /** Each message with a number of validity of its own: no two are the same to who remembers them. */
  readonly #mail = new Map<string, { readonly message: Uint8Array; readonly validity: number }>();
  #puts = 0;

  constructor() {
    super("* OK [CAPABILITY IMAP4rev1 LITERAL+] self-test");
  }

  /** Puts a message into a mailbox, in the place of what is there. @param message With CRLF. */
  put(user: string, message: Uint8Array): void {
    this.#mail.set(user, { message, validity: ++this.#puts });
  }

  protected async answer(line: string, session: LineSession): Promise<boolean> {
    const [, tag = "*", name = "", more = ""] = /^(\S+) ((?:UID )?\S+) ?(.*)$/.exec(line) ?? [];
    const mailbox = this.#mail.get(session.user);
    switch (name.toUpperCase()) {
      case "CAPABILITY":
        await session.line("* CAPABILITY IMAP4rev1 LITERAL+");
        break;
      case "LOGIN":
        session.user = more.split(" ")[0]!.replace(/^"|"$/g, "");
        break;
      case "SELECT":
        await session.line(`* ${mailbox ? 1 : 0} EXISTS`);
        await session.line(`* OK [UIDVALIDITY ${mailbox?.validity ?? 0}] self-test`);
        break;
      case "UID FETCH":
        if (mailbox && more.includes("BODY")) {
          await session.line(`* 1 FETCH (UID 1 BODY[] {${mailbox.message.length}}`);
          await session.say(mailbox.message);
          await session.line(")");
        } else if (mailbox) { // what is asked of a changed one
          await session.line(`* 1 FETCH (UID 1 FLAGS () RFC822.SIZE ${mailbox.message.length})`);
        }
        break;
      case "LOGOUT":
        await session.line("* BYE");
        await session.line(`${tag} OK`);
        return true;
    }
    await session.line(`${tag} OK done`);
    return false;
  }
}
