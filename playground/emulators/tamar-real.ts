// The gateway's services as real servers: those that the environment names serve the room "real", and no other.
import { RealDatabase } from './tamar-real-database.ts'
import { RealDispatches } from './tamar-real-dispatches.ts'
import { Link } from './tamar-real-link.ts'
import { RealListing } from './tamar-real-listing.ts'
import { RealRealtime } from './tamar-real-realtime.ts'
import { RealRows } from './tamar-real-rows.ts'
import type { RealAccess } from './tamar-real-settings.ts'
import type { TamarRoom } from './tamar-room.ts'
import type { Services } from './tamar-services.ts'

export function realServices({ redis, mysql, rabbit }: RealAccess, { events }: TamarRoom): Services {
  const emit: ConstructorParameters<typeof Link>[1] = (build) => events.emit(build)
  const links = {
    realtime: new Link('realtime', emit, [redis.token]),
    dispatches: new Link('dispatches', emit, [rabbit.password]),
  }
  const database = new RealDatabase(mysql)
  return {
    rows: new RealRows(database),
    listing: new RealListing(database),
    dispatches: new RealDispatches(rabbit, links.dispatches),
    realtime: new RealRealtime(redis, links.realtime),
    links,
  }
}
