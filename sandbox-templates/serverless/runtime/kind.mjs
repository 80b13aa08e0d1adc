// Which database the app has: said by whoever runs it, and in an export by a file beside this one.
import { existsSync } from 'node:fs';

export const POSTGRES = process.env.APPBUILDER_DATABASE === 'postgresql' || existsSync(new URL('./postgresql', import.meta.url));
