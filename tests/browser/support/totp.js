// The codes an authenticator app shows (RFC 6238, SHA-1, six digits, thirty seconds), computed here from the key as the
// page shows it. Must never ask the product for them.
import { createHmac } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function bytes(base32) {
  let bits = "";
  for (const sign of base32.replaceAll(" ", "")) bits += ALPHABET.indexOf(sign).toString(2).padStart(5, "0");
  return Buffer.from(bits.match(/.{8}/g).map((octet) => Number.parseInt(octet, 2)));
}

/** The step that a code of this moment belongs to. */
export const step = () => Math.floor(Date.now() / 30_000);

/** The code of `key` in a step. */
export function code(key, step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac("sha1", bytes(key)).update(counter).digest();
  const number = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}
