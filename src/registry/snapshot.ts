import type { DataSource, EntityManager } from 'typeorm';

/**
 * Reads several rows as they are at one moment: without it, what another transaction writes between two reads is half seen, and a decision over it is over
 * something that never was. The manager has one connection, so that its reads come one after the other, and none of them can write.
 */
export const inSnapshot = <T>(dataSource: DataSource, read: (manager: EntityManager) => Promise<T>): Promise<T> =>
  dataSource.transaction('REPEATABLE READ', async (manager) => {
    await manager.query('SET TRANSACTION READ ONLY');
    return read(manager);
  });
