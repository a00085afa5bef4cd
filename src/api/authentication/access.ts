import { PerennialError } from '../../contracts/failures.js';
import { type Permission, permits, permitsSomewhere, refusalText, rolesWith } from '../../contracts/permissions.js';
import type { Caller } from '../../registry/callers.repository.js';

/** What the caller of a request may do. */
export class Access {
  constructor(
    readonly caller: Caller,
    /** Null for a request that only reads: its refusal is no matter of record. */
    private readonly onRefusal: ((permission: Permission, model: string | null) => Promise<void>) | null,
  ) {}

  /** @param model null: only a role for all models counts */
  may(permission: Permission, model: string | null): boolean {
    return permits(this.caller, permission, model);
  }

  /** @throws PerennialError `Forbidden` */
  async require(permission: Permission, model: string | null): Promise<void> {
    if (!this.may(permission, model)) await this.refuse(permission, model);
  }

  /** For what belongs to no model, or to one that is not known yet: a role for any will do. @throws PerennialError `Forbidden` */
  async requireSomewhere(permission: Permission): Promise<void> {
    if (!permitsSomewhere(this.caller, permission)) await this.refuse(permission, null);
  }

  /** Models for which the caller has a permission; null: all of them. */
  modelsWith(permission: Permission): string[] | null {
    if (this.may(permission, null)) return null;
    return [...new Set(this.caller.grants.map(({ model }) => model).filter((model) => this.may(permission, model)))];
  }

  private async refuse(permission: Permission, model: string | null): Promise<never> {
    const { name, kind } = this.caller;
    await this.onRefusal?.(permission, model);
    throw new PerennialError('Forbidden', refusalText(name, kind, permission, model), { permission, roles: rolesWith(permission) });
  }
}
