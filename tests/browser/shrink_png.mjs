// Writes the PNG that it is given again, in the 256 colours that suit it best.
import { readFileSync, writeFileSync } from "node:fs";
import UPNG from "upng-js";

const [path] = process.argv.slice(2);
const picture = UPNG.decode(readFileSync(path));
const colours = UPNG.encode(UPNG.toRGBA8(picture), picture.width, picture.height, 256);
writeFileSync(path, Buffer.from(colours));
