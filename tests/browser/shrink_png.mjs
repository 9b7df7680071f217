// Reduces a PNG file to the 256 best colours.
import { readFileSync, writeFileSync } from "node:fs";
import UPNG from "upng-js";

const [path] = process.argv.slice(2);
const picture = UPNG.decode(readFileSync(path));
const colours = UPNG.encode(UPNG.toRGBA8(picture), picture.width, picture.height, 256);
writeFileSync(path, Buffer.from(colours));
