/** Test mail: harmless messages that stand for each status. */
import { makeZip } from "./zip.ts";

/** Names of the samples. */
export const SAMPLE_NAMES = ["clean", "eicar", "eicar-zip", "gtube", "encrypted"] as const;
/** One of {@link SAMPLE_NAMES}. */
export type SampleName = (typeof SAMPLE_NAMES)[number];

/** What each sample is and what a scan has to say of it. */
export const SAMPLES: Readonly<
  Record<SampleName, {
    readonly title: string;
    readonly status: "clean" | "infected" | "spam" | "notScanned";
  }>
> = {
  "clean": { title: "clean mail", status: "clean" },
  "eicar": { title: "EICAR test file", status: "infected" },
  "eicar-zip": { title: "EICAR in zip in zip", status: "infected" },
  "gtube": { title: "GTUBE test mail", status: "spam" },
  "encrypted": { title: "zip with a password", status: "notScanned" },
};

const encoder = new TextEncoder();

/** Both test strings are kept reversed, so that no other scanner takes this program for what it makes. */
const reversed = (text: string) => [...text].reverse().join("");
const EICAR = reversed("*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\\4[PA@%P!O5X");
const GTUBE = reversed("X43.C*LIAME-TSET-EBU-ITNA-DRADNATS-EBUTG*NENDI2*3NBSN.1NDAQBDJ4C*SJX");

/** The EICAR anti-virus test file, 68 octets. */
export function eicar(): Uint8Array {
  return encoder.encode(EICAR);
}

/** The GTUBE line of SpamAssassin. */
export function gtube(): string {
  return GTUBE;
}

/** What a sample message is made with. */
export interface SampleHeader {
  readonly from: string;
  readonly to: readonly string[];
  /** Makes the Message-ID and the Subject of one run its own; `[0-9a-z-]+`. */
  readonly token: string;
}

function base64Lines(octets: Uint8Array): string {
  let binary = "";
  for (const octet of octets) binary += String.fromCharCode(octet);
  return btoa(binary).replace(/.{76}/g, "$&\r\n");
}

interface Attachment {
  readonly name: string;
  readonly type: string;
  readonly content: Uint8Array;
}

function body(name: SampleName): { text: string; attachment?: Attachment } {
  switch (name) {
    case "clean":
      return { text: "This is a clean test message. It should arrive as it is.\r\n" };
    case "eicar":
      return {
        text: "The EICAR test file is attached; it is harmless.\r\n",
        attachment: { name: "eicar.com", type: "application/octet-stream", content: eicar() },
      };
    case "eicar-zip": {
      const inner = makeZip([{ name: "eicar.com", content: eicar() }]);
      return {
        text: "The EICAR test file is attached in an archive in an archive; it is harmless.\r\n",
        attachment: {
          name: "outer.zip",
          type: "application/zip",
          content: makeZip([{ name: "inner.zip", content: inner }]),
        },
      };
    }
    case "gtube":
      return { text: `The GTUBE line follows; it is harmless.\r\n\r\n${GTUBE}\r\n` };
    case "encrypted": {
      // 12 octets of encryption header, then content: what it says does not matter without the password.
      const content = Uint8Array.from({ length: 64 }, (_, i) => (i * 73 + 41) & 0xff);
      return {
        text: "An archive with a password is attached.\r\n",
        attachment: {
          name: "secret.zip",
          type: "application/zip",
          content: makeZip([{ name: "secret.txt", content, encrypted: true }]),
        },
      };
    }
  }
}

/** Makes a sample message, CRLF line ends. */
export function makeSample(name: SampleName, header: SampleHeader): Uint8Array {
  const { text, attachment } = body(name);
  const host = header.from.split("@").at(-1) || "postern.invalid";
  const fields = [
    `From: Postern test <${header.from}>`,
    `To: ${header.to.map((address) => `<${address}>`).join(",\r\n ")}`,
    `Subject: Postern test: ${SAMPLES[name].title} ${header.token}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${header.token}.${name}@${host}>`,
    "MIME-Version: 1.0",
  ];
  const plain = `Content-Type: text/plain; charset=us-ascii\r\n\r\n${text}`;
  if (attachment === undefined) return encoder.encode(`${fields.join("\r\n")}\r\n${plain}`);
  const boundary = `=_postern-${header.token}`;
  return encoder.encode(
    `${fields.join("\r\n")}\r\n` +
      `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n` +
      `--${boundary}\r\n${plain}\r\n` +
      `--${boundary}\r\nContent-Type: ${attachment.type}; name="${attachment.name}"\r\n` +
      `Content-Disposition: attachment; filename="${attachment.name}"\r\n` +
      `Content-Transfer-Encoding: base64\r\n\r\n${base64Lines(attachment.content)}\r\n` +
      `--${boundary}--\r\n`,
  );
}
