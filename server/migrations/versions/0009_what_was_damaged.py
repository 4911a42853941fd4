"""What was damaged

Revision 0009, after 0008.
"""

from alembic import op
import sqlalchemy as sa


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade():
    """Go forward."""
    op.create_table('damage',
    sa.Column('key', sa.String(length=100), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('stream', sa.String(length=40), nullable=False),
    sa.Column('place', sa.BigInteger(), nullable=False),
    sa.Column('log', sa.String(length=11), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('segment', sa.Integer(), nullable=False),
    sa.Column('record', sa.String(length=36), nullable=False),
    sa.Column('unit', sa.String(length=40), nullable=False),
    sa.Column('found_ms', sa.BigInteger(), nullable=False),
    sa.Column('healed_ms', sa.BigInteger(), nullable=True),
    sa.Column('device', sa.String(length=11), nullable=False),
    sa.Column('exact', sa.Boolean(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('arrived_ms', sa.BigInteger(), nullable=False),
    sa.Column('verdict', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_damage'))
    )
    with op.batch_alter_table('damage', schema=None) as batch_op:
        batch_op.create_index('ix_damage_open', ['key'], unique=False, sqlite_where=sa.text('healed_ms IS NULL'), postgresql_where=sa.text('healed_ms IS NULL'))


def downgrade():
    """Go back."""
    op.drop_table('damage')
