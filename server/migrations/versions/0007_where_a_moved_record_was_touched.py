"""Where a moved record was touched

Revision 0007, after 0006.
"""

from alembic import op
import sqlalchemy as sa


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade():
    """Go forward."""
    with op.batch_alter_table('past_unit', schema=None) as batch_op:
        batch_op.drop_index('ix_past_unit_unit')
        batch_op.add_column(sa.Column('touched', sa.BigInteger(), nullable=True))
    op.execute('UPDATE past_unit SET touched = (SELECT touched FROM record WHERE record.id = past_unit.record)')
    with op.batch_alter_table('past_unit', schema=None) as batch_op:
        batch_op.alter_column('touched', existing_type=sa.BigInteger(), nullable=False)
        batch_op.create_index('ix_past_unit_touched', ['unit', 'touched'], unique=False)


def downgrade():
    """Go back."""
    with op.batch_alter_table('past_unit', schema=None) as batch_op:
        batch_op.drop_index('ix_past_unit_touched')
        batch_op.drop_column('touched')
        batch_op.create_index('ix_past_unit_unit', ['unit'], unique=False)
