/** Mail to test with. */
import { Buffer } from "node:buffer";
import { crc32, deflateRawSync } from "node:zlib";

/** The EICAR test file, put together here so that other scanners let this source file be. */
export const EICAR = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}", "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"]
  .join("");

/** The line that spam filters are tested with. */
export const GTUBE = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"]
  .join("");

/** Of most mail of tests. */
export const ENVELOPE = { sender: "a@sender.test", recipients: ["b@here.test"] };

/** An attachment. */
export interface Attachment {
  readonly name: string;
  readonly content: Uint8Array;
}

/**
 * A message with CRLF lines.
 *
 * @param id Message-ID without the angle brackets; unique where messages are counted.
 */
export function mail(
  id: string,
  options: { readonly body?: string; readonly attachments?: readonly Attachment[] } = {},
): Uint8Array {
  const body = options.body ?? "Nothing but a line of text.\r\n";
  const header = [
    "From: A Sender <a@sender.test>",
    "To: b@here.test",
    `Subject: test ${id}`,
    `Message-ID: <${id}>`,
    "Date: Sun, 01 Mar 2026 10:00:00 +0000",
    "MIME-Version: 1.0",
  ];
  const attachments = options.attachments ?? [];
  if (attachments.length === 0) {
    const type = "Content-Type: text/plain; charset=utf-8";
    return Buffer.from(`${[...header, type].join("\r\n")}\r\n\r\n${body}`);
  }
  const boundary = "=_a_boundary_that_is_in_no_part";
  const parts = attachments.map(({ name, content }) =>
    [
      `--${boundary}`,
      `Content-Type: application/octet-stream; name="${name}"`,
      "Content-Transfer-Encoding: base64",
      `Content-Disposition: attachment; filename="${name}"`,
      "",
      Buffer.from(content).toString("base64").replace(/.{76}/g, "$&\r\n"),
      "",
    ].join("\r\n")
  );
  return Buffer.from([
    ...header,
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=utf-8",
    "",
    body,
    ...parts,
    `--${boundary}--`,
    "",
  ].join("\r\n"));
}

/** A message with the EICAR test file attached. */
export function infectedMail(id: string): Uint8Array {
  return mail(id, { attachments: [{ name: "test.com", content: Buffer.from(EICAR) }] });
}

/** A message with `content` in `levels` zip archives, one in the other. */
export function zippedMail(id: string, content: Uint8Array, levels: number): Uint8Array {
  let packed = zip("inner.com", content);
  for (let level = 1; level < levels; level++) packed = zip(`level-${level}.zip`, packed);
  return mail(id, { attachments: [{ name: "archive.zip", content: packed }] });
}

/** A zip archive of one deflated file: APPNOTE.TXT 4.3. */
export function zip(name: string, content: Uint8Array): Uint8Array {
  const packed = deflateRawSync(content);
  const title = Buffer.from(name);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0); // version needed
  common.writeUInt16LE(8, 4); // deflate
  common.writeUInt32LE(0x5c610000, 6); // a date and time
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(title.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, title, packed]);
  const central = Buffer.concat([
    Buffer.from("PK\x01\x02\x14\x00", "latin1"),
    common,
    Buffer.alloc(14), // comment, disk, attributes, offset of the local header: all 0
    title,
  ]);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}
