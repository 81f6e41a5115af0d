export async function reportCommand(_events: string): Promise<number> { return 0; }
