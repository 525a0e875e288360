/** Archives to test with: zip, tar and gzip of a few files. */
import { Buffer } from "node:buffer";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";

/** A file. */
export interface File {
  readonly name: string;
  readonly content: Uint8Array;
  /** zip: stored instead of deflated, or with its sizes behind the data. */
  readonly as?: "stored" | "described";
}

/** APPNOTE 4.3. */
export function zipOf(files: readonly File[], comment = ""): Uint8Array {
  const chunks: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, as } of files) {
    const data = as === "stored" ? Buffer.from(content) : deflateRawSync(content);
    const title = Buffer.from(name);
    const described = as === "described";
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(described ? 0x808 : 0x800, 2);
    common.writeUInt16LE(as === "stored" ? 0 : 8, 4);
    common.writeUInt32LE(0x5c610000, 6);
    const sums = Buffer.alloc(12);
    sums.writeUInt32LE(crc32(content), 0);
    sums.writeUInt32LE(data.length, 4);
    sums.writeUInt32LE(content.length, 8);
    const local = Buffer.from(common);
    if (!described) local.set(sums, 10);
    common.set(sums, 10);
    common.writeUInt16LE(title.length, 22);
    local.writeUInt16LE(title.length, 22);
    const tail = described ? Buffer.concat([Buffer.from("PK\x07\x08"), sums]) : Buffer.alloc(0);
    const member = Buffer.concat([Buffer.from("PK\x03\x04"), local, title, data, tail]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    chunks.push(member);
    directory.push(
      Buffer.concat([Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, place, title]),
    );
    offset += member.length;
  }
  const size = directory.reduce((sum, one) => sum + one.length, 0);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return new Uint8Array(Buffer.concat([...chunks, ...directory, end, Buffer.from(comment)]));
}

/** ustar. */
export function tarOf(files: readonly File[]): Uint8Array {
  const chunks: Buffer[] = [];
  for (const { name, content } of files) {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write("0000644\0" + "0000000\0".repeat(2), 100);
    header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("00000000000\0" + " ".repeat(8) + "0", 136);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((total, octet) => total + octet, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    chunks.push(header, Buffer.from(content), Buffer.alloc((512 - content.length % 512) % 512));
  }
  return new Uint8Array(Buffer.concat([...chunks, Buffer.alloc(1024)]));
}

/** RFC 1952. */
export function gzipOf(content: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(content));
}
