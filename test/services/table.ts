import { type MySqlPool, mysqlModule } from './peers.ts'
import { DATABASE, type MySqlAt } from './planetscale-proxy.ts'

/** The columns that the gateway and its senders agree on, with indexes for what the gateway looks up. */
const PUSH_MESSAGES = `
CREATE TABLE push_messages (
  id varchar(36) NOT NULL PRIMARY KEY,
  sender_type varchar(32) NULL,
  sender_id varchar(255) NULL,
  target_user_id varchar(255) NOT NULL,
  push_type int NOT NULL,
  seq bigint NULL,
  payload json NULL,
  status varchar(32) NOT NULL,
  command_request_id varchar(36) NULL,
  command_response json NULL,
  command_response_queue varchar(255) NULL,
  nonce varchar(36) NULL,
  expired_at timestamp NULL,
  retry_interval int NULL,
  delivering_at timestamp NULL,
  request_delivered_at timestamp NULL,
  finished_at timestamp NULL,
  created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  deleted_at timestamp NULL,
  KEY of_user (target_user_id, status, seq),
  KEY of_command (command_request_id),
  KEY to_expire (status, expired_at)
) DEFAULT CHARACTER SET utf8mb4`

/** A driver with which the tests look at a server, in UTC, whatever its own time zone; all values are text. */
export function mysqlPeer({ port }: MySqlAt, database?: string): MySqlPool {
  const pool = mysqlModule().createPool({
    host: '127.0.0.1',
    port,
    user: 'root',
    database,
    charset: 'utf8mb4',
    typeCast: (field: { string(): string | null }) => field.string(),
  })
  pool.on('connection', (connection) => connection.query("SET time_zone = '+00:00'"))
  return pool
}

/** Makes the database and its table. */
export async function createTable(server: MySqlAt): Promise<void> {
  const bare = mysqlPeer(server)
  await bare.query(`CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4`)
  await bare.end()
  const pool = mysqlPeer(server, DATABASE)
  await pool.query(PUSH_MESSAGES)
  await pool.end()
}
