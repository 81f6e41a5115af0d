export { fullReference } from '../model/image-name.ts';
